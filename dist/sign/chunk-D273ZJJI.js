export{c7_a as a,c7_b as b,c7_c as c,c7_d as d,c7_e as e,c7_f as f,c7_g as g,c7_h as h,c7_i as i}from"../sign.js";
