export{c20_a as a,c20_b as b,c20_c as c,c20_d as d,c20_e as e,c20_f as f,c20_g as g,c20_h as h,c20_i as i}from"./run.js";
