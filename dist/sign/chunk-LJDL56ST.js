export{c11_a as a,c11_b as b,c11_c as c,c11_d as d,c11_e as e,c11_f as f,c11_g as g,c11_h as h,c11_i as i,c11_j as j}from"../sign.js";
